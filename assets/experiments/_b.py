def clip_shapes(project):
    from collections import defaultdict
    shape = project.settings.imaging.clip.shape
    return defaultdict(lambda: shape)


def own_variants(settings):
    return {settings.imaging.clip.source}

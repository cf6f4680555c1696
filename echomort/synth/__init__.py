"""The embedded archive: a beating phantom, a cohort with a known hazard, and the files a hospital would hold."""

"""One model of a whole study: attention over the clips that are there, and a hazard for each interval of follow-up.

It learns from censored patients too. It takes what the views' own networks make of each clip before their last layer.
"""

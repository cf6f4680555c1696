"""What the risk of a loop rests on: parts are hidden (``occlusion``), or the last convolution's maps are weighed
(``grad_cam``); ``tint`` shows either as colour."""

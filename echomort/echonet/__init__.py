"""EchoNet-Dynamic's apical four-chamber clips (AVI) as inputs of the network that the authors published."""

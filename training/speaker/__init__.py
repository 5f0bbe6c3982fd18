"""The speaker encoder: its material, its teachers, its training and its card."""

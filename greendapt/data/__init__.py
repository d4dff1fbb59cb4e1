"""Sources of images, one value type, splits, checks, corruptions and augmentation."""

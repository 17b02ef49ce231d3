"""Session of a journey: zoo, backbone, circuits, features, tracked runs."""

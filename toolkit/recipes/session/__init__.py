"""What every journey opens: zoo, backbone, circuits, features, tracked runs."""

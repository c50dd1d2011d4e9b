"""Device topics, one file each; found because they are there. See docs/dev/add-a-device-topic.md."""

"""One file, one topic. To add one, put a file here; see docs/dev/add-a-topic.md."""

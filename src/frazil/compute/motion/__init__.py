"""Frame alignment: where the specimen was in each frame, and the sum of the frames put back there."""

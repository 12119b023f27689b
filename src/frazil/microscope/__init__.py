"""The virtual microscope: movies, micrographs and particles whose every number is known."""

"""Other people's files: movies, gain references, defects, MRC, STAR. The only room that converts units."""

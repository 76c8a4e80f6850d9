"""What staff have learned: the tours that each has taken. What a tour shows is the desk's."""

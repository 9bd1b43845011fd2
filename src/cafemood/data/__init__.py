"""Photos and matrices in: folders, lists and labelled arrays become a `PhotoSet`."""

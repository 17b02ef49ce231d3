"""Page to try trained compositions: a local web page, whose words and questions need no browser (`desk`)."""

"""Daily and monthly reports: what a site, or the city, was like; made of the book alone."""

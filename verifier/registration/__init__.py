"""Is it good enough for us, and was it used already?"""

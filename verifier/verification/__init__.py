"""Is this an authentic, timely statement of its issuer?"""

"""What all rooms of the verifying office stand on: settings, database, the guarded outgoing HTTP."""

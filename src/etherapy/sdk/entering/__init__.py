"""Every way in ends with a session: an invitation, a staff link, another device, the recovery code."""

//! Servers that tests start on free ports, kill, pause, and reach through a wire that can fail.

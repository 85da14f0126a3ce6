// Preloaded into Azurite: its stdin is a pipe from the process that started it, so the end of that stream means that the
// process is gone, however it ended. Then nobody is left to stop Azurite but itself. Listening alone keeps nothing alive.
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM")).resume().unref();

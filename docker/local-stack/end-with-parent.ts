// Preloaded into the gateway's process (`node --import`). The operating system closes the channel
// to the parent however the parent ends, by SIGKILL too, and that ends the gateway.
import cluster from 'node:cluster'

/** Milliseconds that requests in flight get to finish. */
const GRACE = 5_000

if (cluster.isPrimary) {
  process.once('disconnect', () => {
    setTimeout(() => process.exit(1), GRACE).unref()
    process.kill(process.pid, 'SIGTERM')
  })
  // Listening to the channel must not keep a gateway alive that has finished.
  process.channel?.unref()
}

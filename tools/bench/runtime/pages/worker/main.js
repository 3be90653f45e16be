// The main thread's longest stretch without an answer, while a worker loads a model and runs it; with `?idle` no worker is started.
const idle = new URLSearchParams(location.search).has('idle')
let [longest, longestTask] = [0, 0]

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longestTask = Math.max(longestTask, duration)
}).observe({ type: 'longtask', buffered: true })

// A timer of 4 ms is what browsers give in a chain; MessageChannel would take the processor from the worker.
let last = performance.now()
const timer = setInterval(() => {
  const now = performance.now()
  longest = Math.max(longest, now - last - 4)
  last = now
}, 4)

function end(told) {
  // What is running now counts as well, and observers are told later.
  setTimeout(() => {
    clearInterval(timer)
    globalThis.bench = { settled: true, longest, longestTask, ...told }
  }, 300)
}

if (idle) setTimeout(() => end({}), 2000)
else {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  worker.onmessage = ({ data }) => end(data)
  worker.onerror = ({ message }) => end({ failed: message })
}

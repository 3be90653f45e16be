/** Wall time during which at least one of several overlapping pieces of work ran. */
export interface Clock {
  /** Counts the time until the promise is settled. */
  track<T>(work: () => Promise<T>): Promise<T>
  readonly seconds: number
}

export function createClock(now: () => number = () => performance.now()): Clock {
  let total = 0
  let running = 0
  let since = 0
  return {
    async track(work) {
      if (running++ === 0) since = now()
      try {
        return await work()
      } finally {
        if (--running === 0) total += now() - since
      }
    },
    get seconds() {
      return (total + (running ? now() - since : 0)) / 1000
    },
  }
}

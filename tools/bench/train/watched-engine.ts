import type { Engine, EngineSession, Tensors } from '@whittle/ir'
import type { StepTime } from './steps.ts'

export interface Watched {
  readonly engine: Engine
  /** Of the steps since the first. */
  readonly steps: StepTime[]
}

/**
 * An engine that keeps the times of a training step as it runs in `train()`, and lets others take their turn behind each: a step's run is that
 * of the session that gives gradients, and the rest of it is all that happens from one turn to the next, such as the optimizer.
 */
export function watched(engine: Engine, turn: (round: number) => Promise<void>): Watched {
  const steps: StepTime[] = []
  let round = 0
  let resumed: number | undefined
  const watch = (session: EngineSession): EngineSession => ({
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(inputs: Tensors): Promise<Tensors> {
      const began = performance.now()
      const outputs = await session.run(inputs)
      const ended = performance.now()
      if (resumed !== undefined) steps.push({ run: ended - began, step: ended - resumed })
      await turn(round++)
      resumed = performance.now()
      return outputs
    },
    dispose: () => session.dispose(),
  })
  return {
    steps,
    engine: {
      name: engine.name,
      key: engine.key,
      async open(model, options) {
        const session = await engine.open(model, options)
        return session.outputNames.length > 1 ? watch(session) : session
      },
    },
  }
}

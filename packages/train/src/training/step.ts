import { type Engine, type EngineSession, type Model, Tensor, type Tensors, type Value, inferShapes, removeUnused } from '@whittle/ir'
import type { FakeScale } from '../fake-quantize.ts'
import { gradients } from '../gradients.ts'
import type { Objective } from '../objective/objective.ts'
import { type Frozen, traceDependence } from '../reach.ts'
import type { Learner } from './parameters.ts'
import type { Parameter } from './optimizer.ts'
import { type Placed, stacked } from './samples.ts'

/** The two models of training, whose parameters are inputs: one gives the loss, the other the gradients as well. */
export interface TrainingGraphs {
  readonly forward: Model
  readonly backward: Model
  /** Names of the outputs that are a parameter's gradient. */
  readonly slopes: ReadonlyMap<string, string>
  readonly loss: string
  readonly frozen: Frozen[]
  /** Parameters that the loss does not depend on, with the reason. */
  readonly unreached: string[]
}

/**
 * Adds the objectives' losses and differentiates their sum.
 * @param model is edited.
 */
export function trainingGraphs(
  model: Model,
  objectives: readonly Objective[],
  learners: readonly Learner[],
  scales: readonly FakeScale[],
): TrainingGraphs {
  const { graph } = model
  const terms = objectives.map((objective) => objective.add(model))
  const total: Value = terms.length === 1 ? terms[0]! : graph.addNode({ op: 'Sum', inputs: terms, outputs: ['loss'] }).output
  if (!total.isOutput) graph.addOutput(total)
  inferShapes(model)
  const wanted = [...learners.map(({ value }) => value), ...scales.map(({ value }) => value)]
  const { reached } = traceDependence(graph, total, new Set(wanted))
  const wrt = wanted.filter((value) => reached.has(value)).map(({ name }) => name)
  const unreached = learners.filter(({ value }) => !reached.has(value)).map(({ value }) => value.name)
  if (wrt.length === 0) return { forward: model, backward: model, slopes: new Map(), loss: total.name, frozen: [], unreached }
  const step = gradients(model, { loss: total.name, wrt, parameters: 'inputs' })
  const backward = step.model
  const forward = backward.clone()
  const names = new Set([total.name, ...step.gradients.values()])
  backward.graph.setOutputs(backward.graph.outputs.filter(({ name }) => names.has(name)))
  forward.graph.setOutputs(forward.graph.outputs.filter(({ name }) => name === total.name))
  removeUnused(forward.graph)
  return { forward, backward, slopes: step.gradients, loss: total.name, frozen: step.frozen, unreached }
}

/** Runs the training graphs on batches. */
export class TrainingStep {
  readonly #graphs: TrainingGraphs
  readonly #objectives: readonly Objective[]
  readonly #parameters: readonly Parameter[]
  readonly #given: Tensors
  readonly #forward: EngineSession
  readonly #backward: EngineSession

  private constructor(
    graphs: TrainingGraphs,
    objectives: readonly Objective[],
    parameters: readonly Parameter[],
    forward: EngineSession,
    backward: EngineSession,
  ) {
    this.#graphs = graphs
    this.#objectives = objectives
    this.#parameters = parameters
    // On the parameters' own memory, so that each run sees what they have become.
    const { inputs } = graphs.backward.graph
    const dimsOf = (name: string): readonly number[] => inputs.find((input) => input.name === name)!.shape as number[]
    this.#given = Object.fromEntries(parameters.map(({ name, values }) => [name, Tensor.float32(dimsOf(name), values)]))
    this.#forward = forward
    this.#backward = backward
  }

  static async open(
    engine: Engine,
    graphs: TrainingGraphs,
    objectives: readonly Objective[],
    parameters: readonly Parameter[],
  ): Promise<TrainingStep> {
    const [forward, backward] = [await engine.open(graphs.forward), await engine.open(graphs.backward)]
    return new TrainingStep(graphs, objectives, parameters, forward, backward)
  }

  /** The inputs of a run on some samples of equal shapes. */
  async feeds(batch: readonly Placed[]): Promise<Tensors> {
    const each: Tensors[] = []
    for (const { sample, where } of batch) {
      const targets: Tensors[] = []
      for (const objective of this.#objectives) targets.push(await objective.targets(sample, where))
      each.push(Object.assign({}, sample.inputs, ...targets) as Tensors)
    }
    const names = Object.keys(each[0]!)
    const data = Object.fromEntries(names.map((name) => [name, stacked(each.map((tensors) => tensors[name]!))]))
    return { ...data, ...this.#given }
  }

  /** The loss of samples of equal shapes. */
  async loss(batch: readonly Placed[]): Promise<number> {
    const outputs = await this.#forward.run(await this.feeds(batch))
    return outputs[this.#graphs.loss]!.toNumbers()[0]!
  }

  /** The loss, and its gradients by parameter, of samples of equal shapes. */
  async gradients(batch: readonly Placed[]): Promise<{ loss: number; slopes: Float32Array[] }> {
    const outputs = await this.#backward.run(await this.feeds(batch))
    const slopes = this.#parameters.map(({ name }) => outputs[this.#graphs.slopes.get(name)!]!.toFloat32())
    return { loss: outputs[this.#graphs.loss]!.toNumbers()[0]!, slopes }
  }

  async dispose(): Promise<void> {
    await this.#forward.dispose()
    await this.#backward.dispose()
  }
}

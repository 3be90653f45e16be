export { gate, type Gate, type GateOptions, type Runs } from './stream/gate.ts'
export { measureGate, type GateMeasured } from './stream/measure.ts'

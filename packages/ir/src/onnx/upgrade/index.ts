import type { Model } from '../../graph.ts'

export function upgradeModel(_model: Model): void {}

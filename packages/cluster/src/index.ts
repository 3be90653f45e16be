export { cluster } from './cluster.ts'
export { CLUSTER_DEFAULTS, type ClusterOptions } from './options.ts'

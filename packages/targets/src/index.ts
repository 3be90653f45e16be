export { MANIFEST_FORMAT, type ArtefactFile, type Manifest, type ManifestVariant, type Port } from './manifest.ts'

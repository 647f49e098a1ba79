/** Reading and writing safetensors files, in any JavaScript runtime. `@multihead/tensor/safetensors/node` adds files. */
export { parseSafetensors, openSafetensors } from './read.js';
export type { SafetensorsFile, SafetensorsReader, TensorReader } from './read.js';
export type { ByteSource, Progress, ReadOptions } from './source.js';
export { recordsOf, stateOf } from './state.js';
export type { StateOptions } from './state.js';
export { serializeSafetensors } from './write.js';
export type { SerializeOptions } from './write.js';
export type { TensorsToWrite } from './piece.js';
export type { NarrowDtype, StoredDtypes } from './stored-dtype.js';
export { toFloat32, toInt32, toBool } from './convert.js';
export { widenFloat16, widenBfloat16, narrowFloat16, narrowBfloat16 } from './half.js';
export { MAX_HEADER_BYTES } from './header.js';
export type { SafetensorsHeader, TensorInfo } from './header.js';
export type { ArrayOf, HeldDtype, NamedTensorRecord, SafetensorsDtype, TensorRecord } from './dtype.js';
export { SafetensorsError } from './error.js';
export type { SafetensorsProblem } from './error.js';

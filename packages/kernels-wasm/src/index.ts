export { wasm, type WasmOptions } from './wasm.js';
export { capabilities, type Capabilities } from './load.js';

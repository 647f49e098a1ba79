export { type WasmBackend, type WasmOptions, wasm } from './wasm.js';
export { capabilities, type Capabilities } from './load.js';

export { type WasmBackend, type WasmOptions, wasm } from './wasm.js';
export { type Build, type Capabilities, capabilities, type KernelSource } from './load.js';

import { describeBackend } from '@multihead/tensor/testing';
import { wasm } from '../src/index.js';

describeBackend('wasm, relaxed', () => wasm());
describeBackend('wasm, plain', () => wasm({ relaxedSimd: false }));
describeBackend('wasm, two threads', () => wasm({ threads: 2 }));

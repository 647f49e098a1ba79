import { expect } from 'vitest';
import { failOnLeak, matchers } from './packages/tensor/src/testing/index.js';

expect.extend(matchers);
failOnLeak();

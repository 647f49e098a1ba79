import { cpu } from '../src/cpu/index.js';
import { describeBackend } from '../src/testing/describe-backend.js';

describeBackend('cpu', cpu);

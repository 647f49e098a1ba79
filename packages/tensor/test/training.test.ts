import { cpu } from '@multihead/tensor';
import { describeTraining } from '../src/testing/index.js';

describeTraining('cpu', () => cpu());

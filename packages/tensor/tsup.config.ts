import { library } from '../../tsup.base.ts';

export default library({
  index: 'src/index.ts',
  safetensors: 'src/safetensors/index.ts',
  'safetensors/node': 'src/safetensors/node.ts',
  testing: 'src/testing/index.ts',
});

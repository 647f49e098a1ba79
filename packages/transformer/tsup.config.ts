import { library } from '../../tsup.base.ts';

export default library({
  seq2seq: 'src/seq2seq.ts',
  bert: 'src/models/bert.ts',
  distilbert: 'src/models/distilbert.ts',
  electra: 'src/models/electra.ts',
  gemma: 'src/models/gemma.ts',
  gemma2: 'src/models/gemma2.ts',
  gemma3: 'src/models/gemma3.ts',
  gpt2: 'src/models/gpt2.ts',
  llama: 'src/models/llama.ts',
  mistral: 'src/models/mistral.ts',
  mixtral: 'src/models/mixtral.ts',
  qwen2: 'src/models/qwen2.ts',
  qwen3: 'src/models/qwen3.ts',
  roberta: 'src/models/roberta.ts',
  smollm3: 'src/models/smollm3.ts',
  load: 'src/load.ts',
  auto: 'src/auto.ts',
  loss: 'src/loss.ts',
  pooling: 'src/pooling.ts',
});

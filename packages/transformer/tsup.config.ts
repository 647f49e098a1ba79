import { library } from '../../tsup.base.ts';

export default library({
  seq2seq: 'src/seq2seq.ts',
  bert: 'src/models/bert.ts',
  distilbert: 'src/models/distilbert.ts',
  electra: 'src/models/electra.ts',
  gpt2: 'src/models/gpt2.ts',
  roberta: 'src/models/roberta.ts',
  load: 'src/load.ts',
  auto: 'src/auto.ts',
  loss: 'src/loss.ts',
  pooling: 'src/pooling.ts',
});

import { library } from '../../tsup.base.ts';

export default library({ seq2seq: 'src/seq2seq.ts' });

// A module is any object: `pnpm example layers`.
// #region block
import { Dropout, FeedForward, LayerNorm } from '@multihead/layers';
import { add, parameters, Rng, randn, scope, stateDict, type Tensor } from '@multihead/tensor';

class Block {
  norm = new LayerNorm(16);
  ff: FeedForward;
  drop = new Dropout(0.1);
  constructor(rng: Rng) {
    this.ff = new FeedForward(16, 64, { activation: 'gelu', rng });
  }
  forward(x: Tensor, ctx: { rng?: Rng } = {}): Tensor {
    return add(x, this.drop.forward(this.ff.forward(this.norm.forward(x), ctx), ctx)); // drops if and only if there is an rng
  }
}
// #endregion block

// #region state
using _ = scope();
const block = new Block(new Rng(1));
console.log([...stateDict(block).keys()].slice(0, 3)); // [ 'norm.weight', 'norm.bias', 'ff.linear1.weight' ]
console.log(parameters(block).length, block.forward(randn([2, 5, 16], { rng: new Rng(2) })).shape); // 6 [ 2, 5, 16 ]
// #endregion state

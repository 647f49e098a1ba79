import { Arcs, Grid } from '../components/previews.js';

export function Home() {
  return (
    <div class="page home">
      <div class="hero">
        <h1>Transformers, taken apart in your browser</h1>
        <p class="lead">
          multihead is a Transformer toolkit for TypeScript: train, run and look inside transformers, in Node and in the browser, from small
          packages that each stand alone. These pages are made with them.
        </p>
      </div>
      <ul class="cards">
        <li>
          <a class="card link-card" href="#/pronounce">
            <Grid />
            <h2>Pronounce</h2>
            <p>Type a word. A trained encoder-decoder spells out its phonemes, and shows which letters each of them looked at.</p>
            <span class="go">Type a word →</span>
          </a>
        </li>
        <li>
          <a class="card link-card" href="#/it">
            <Arcs />
            <h2>
              What does <em>it</em> look at?
            </h2>
            <p>
              Train a small encoder, live, until it knows whether <em>it</em> is the animal that was too tired or the street that was too
              wide.
            </p>
            <span class="go">Train it →</span>
          </a>
        </li>
      </ul>
      <section class="prose packages" aria-labelledby="packages-title">
        <h2 id="packages-title">What runs here</h2>
        <dl>
          <div>
            <dt>tensor</dt>
            <dd>n-dimensional arrays, gradients, and a CPU backend that can be read</dd>
          </div>
          <div>
            <dt>kernels-wasm</dt>
            <dd>the same functions in WebAssembly SIMD</dd>
          </div>
          <div>
            <dt>attention</dt>
            <dd>attend, masks, positions, caches</dd>
          </div>
          <div>
            <dt>layers, train, tokenizer</dt>
            <dd>what a model is made of, and learns with</dd>
          </div>
          <div>
            <dt>transformer</dt>
            <dd>the models, beam search, and a look at every attention map</dd>
          </div>
        </dl>
      </section>
    </div>
  );
}

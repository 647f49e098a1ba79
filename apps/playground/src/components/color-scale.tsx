import { viridis } from '../data/viridis.js';

const stops = Array.from({ length: 11 }, (_, i) => viridis(i / 10)).join(', ');

/** What the colours of the heat maps mean. */
export function ColorScale() {
  return (
    <div class="color-scale" role="img" aria-label="Colours: dark blue is 0 %, green about 60 %, yellow 100 % of the attention">
      <span>0</span>
      <i style={{ background: `linear-gradient(to right, ${stops})` }} />
      <span>100 %</span>
    </div>
  );
}

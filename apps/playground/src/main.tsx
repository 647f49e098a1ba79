import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/maps.css';
import './styles/pages.css';
import './styles/it.css';
import { App } from './app.js';
import { followAddress } from './router.js';
import { applyTheme } from './theme.js';

applyTheme();
followAddress();
render(<App />, document.querySelector('#app')!);

import { defineConfig } from 'vite';

// Cross-origin isolation gives the page SharedArrayBuffer, so that a backend may use threads.
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export default defineConfig({
  resolve: { conditions: ['@multihead/source', 'module', 'browser', 'development|production'] },
  server: { headers, host: '127.0.0.1', port: 4173 },
  preview: { headers, host: '127.0.0.1', port: 4173 },
  build: { target: 'es2022', assetsInlineLimit: 0 },
  worker: { format: 'es' },
});

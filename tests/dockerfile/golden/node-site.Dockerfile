from node:22-bookworm as deps
workdir /site
copy package.json package-lock.json ./
run npm ci
copy . .
run npm run build

from nginx:1.27
copy --from=deps /site/dist /usr/share/nginx/html
copy nginx.conf /etc/nginx/conf.d/default.conf
volume ["/var/cache/nginx"]
expose 80

# SPDX-License-Identifier: LGPL-2.1-or-later

# ---- Definitions of apps, and what their authors check them with.

dist_pkgdata_DATA = data/apps.schema.json
app_definitions += data/apps.d/apache2.json
app_definitions += data/apps.d/apt-config.json
app_definitions += data/apps.d/bash.json
app_definitions += data/apps.d/chromium.json
app_definitions += data/apps.d/cron.json
app_definitions += data/apps.d/cups.json
app_definitions += data/apps.d/dnsmasq.json
app_definitions += data/apps.d/emacs.json
app_definitions += data/apps.d/firefox.json
app_definitions += data/apps.d/fish.json
app_definitions += data/apps.d/gimp.json
app_definitions += data/apps.d/git.json
app_definitions += data/apps.d/gnupg.json
app_definitions += data/apps.d/google-chrome.json
app_definitions += data/apps.d/inkscape.json
app_definitions += data/apps.d/letsencrypt.json
app_definitions += data/apps.d/libreoffice.json
app_definitions += data/apps.d/neovim.json
app_definitions += data/apps.d/network-connections.json
app_definitions += data/apps.d/nginx.json
app_definitions += data/apps.d/openssh-server.json
app_definitions += data/apps.d/postfix.json
app_definitions += data/apps.d/ssh.json
app_definitions += data/apps.d/thunderbird.json
app_definitions += data/apps.d/tmux.json
app_definitions += data/apps.d/vim.json
app_definitions += data/apps.d/vlc.json
app_definitions += data/apps.d/wireguard.json
app_definitions += data/apps.d/www.json
app_definitions += data/apps.d/zsh.json

#!/bin/sh
# Fetches what static/vendor/ holds from npm and rebuilds the icon sprite. Its results are committed,
# so only whoever raises a version runs this:
#
#     scripts/vendor_static.sh           fetch, write the files and static/vendor/SHA256SUMS
#     scripts/vendor_static.sh --check   only compare the files with SHA256SUMS (needs no network)
#
# htmx is not here: it comes with django-htmx.
set -eu

TABLER=1.6.1
INTER=5.3.0
ICONS=3.51.0
SCALAR=1.46.4

# The names in the sprite, static/icons.svg, as in https://tabler.io/icons (outline).
SPRITE="
alert-circle alert-triangle arrow-left ban building-store check checks chevron-left chevron-right
circle-check circle-x clock coins copy corner-up-left device-mobile external-link eye file-text
help-circle home key list-details lock logout mail map-pin message moon music phone photo plus
selector send stack-2 sun sun-moon template user video webhook
"

cd "$(dirname "$0")/../static"
if [ "${1:-}" = "--check" ]; then
    exec sha256sum --check --quiet vendor/SHA256SUMS
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpack() { # package version folder
    (cd "$work" && npm pack --silent "$1@$2" >"$3.name")
    mkdir "$work/$3"
    tar -xzf "$work/$(cat "$work/$3.name")" -C "$work/$3" --strip-components=1
}
unpack @tabler/core "$TABLER" tabler
unpack @fontsource-variable/inter "$INTER" inter
unpack @tabler/icons "$ICONS" icons
unpack @scalar/api-reference "$SCALAR" scalar

mkdir -p vendor vendor/scalar
# The source maps are not shipped, so nothing may point at them.
for file in css/tabler.min.css js/tabler.min.js; do
    sed 's|/[/*]# sourceMappingURL=[^*]*\(\*/\)\{0,1\}$||' "$work/tabler/dist/$file" >"vendor/${file##*/}"
done
cp "$work"/inter/files/inter-latin-wght-normal.woff2 "$work"/inter/files/inter-latin-ext-wght-normal.woff2 vendor/
# Tabler's package has no licence file: the copyright of its banner, over the MIT text of its icons.
{
    printf 'MIT License\n\n'
    sed -n 's/^ \* \(Copyright .*\)/\1/p' "$work/tabler/dist/css/tabler.min.css"
    sed -e '1,/^Copyright/d' "$work/icons/LICENSE"
} >vendor/LICENSE.tabler
cp "$work/inter/LICENSE" vendor/LICENSE.inter
cp "$work/icons/LICENSE" vendor/LICENSE.tabler-icons
cp "$work/scalar/dist/browser/standalone.js" vendor/scalar/
# Scalar's package has no licence file either; its repository's is the MIT text under this line.
{
    printf 'MIT License\n\nCopyright (c) 2023-present Scalar\n'
    sed -e '1,/^Copyright/d' "$work/icons/LICENSE"
} >vendor/LICENSE.scalar

{
    printf '<svg xmlns="http://www.w3.org/2000/svg">'
    for name in $SPRITE; do
        printf '<symbol id="%s" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">' "$name"
        # The drawing itself: without the comment, the outer element and the line ends.
        sed -e '/^<!--/,/-->/d' "$work/icons/icons/outline/$name.svg" |
            tr '\n' ' ' | sed -e 's/<svg[^>]*>//' -e 's|</svg>||' -e 's/  */ /g' -e 's/^ //' -e 's/ $//'
        printf '</symbol>\n'
    done
    printf '</svg>\n'
} >icons.svg

cat >vendor/VERSIONS <<END
@tabler/core $TABLER (MIT): tabler.min.css, tabler.min.js
@fontsource-variable/inter $INTER (OFL-1.1): inter-*.woff2
@tabler/icons $ICONS (MIT): ../icons.svg
@scalar/api-reference $SCALAR (MIT): scalar/standalone.js
END
sha256sum icons.svg vendor/*.* vendor/scalar/*.* | grep -v SHA256SUMS >"$work/sums"
mv "$work/sums" vendor/SHA256SUMS

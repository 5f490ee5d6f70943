# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The guest's kernel and initial ramdisk, cached in the build directory.
#
# Three archives that the kernel unpacks one over the other: `base` (busybox, drivers, our
# program), `tools` (stress-ng and sysbench with their libraries: 30 MB, only for --exec), and one
# per VM with its settings and files.  They are not compressed: copying is faster than unpacking
# for a processor that is emulated.

IMAGE_DIR=$LAB_BUILD/lab/image
IMAGE_MODULES=(virtio_pci virtio_net virtio_blk virtio_balloon)

# The newest cloud kernel installed.
image_kernel() {
    local kernel

    kernel=$(find /boot -name 'vmlinuz-*-cloud-amd64' | sort -V | tail -n1)
    [[ -n $kernel ]] || die "no kernel for the guests: install linux-image-cloud-amd64"
    echo "$kernel"
}

# Makes what is missing or older than what it is made from.  Two labs may do so at once.
image_make() {
    local kernel tmp

    kernel=$(image_kernel)
    mkdir -p "$IMAGE_DIR"
    exec {image_lock}>"$IMAGE_DIR/lock"
    flock "$image_lock"
    tmp=$(mktemp -d "$IMAGE_DIR/new.XXXXXX")
    if image_is_stale base "$kernel" "$(program lab-guest)" "$LAB_HOME/guest/init" "$LAB_HOME/lib/lab-image.sh"; then
        image_base "$kernel" "$tmp/root"
        cp "$kernel" "$tmp/vmlinuz"
        archive "$tmp/root" "$tmp/base.cpio"
        mv "$tmp/vmlinuz" "$tmp/base.cpio" "$IMAGE_DIR/"
    fi
    rm -rf "$tmp"
    exec {image_lock}>&-
    # every host must see them at the same path, also after a later build
    cp --reflink=auto "$IMAGE_DIR/vmlinuz" "$IMAGE_DIR/base.cpio" "$LAB_SHARED/"
}

# image_is_stale NAME INPUT...
image_is_stale() {
    local input target=$IMAGE_DIR/$1.cpio

    shift
    [[ -f $target ]] || return 0
    for input in "$@"; do
        [[ $input -nt $target ]] && return 0
    done
    return 1
}

# archive DIRECTORY FILE: padded to a page, so that another archive may follow.
archive() {
    (cd "$1" && find . -mindepth 1 -print0 | sort -z | cpio --quiet --null -o -H newc -R 0:0) >"$2"
    truncate -s %4096 "$2"
}

image_base() {
    local root=$2 version=${1##*/vmlinuz-} module path

    mkdir -p "$root"/{bin,dev,etc,proc,sys,run,tmp,root,lib/modules,usr/bin,usr/lib,lib64}
    cp "$(command -v busybox)" "$root/bin/busybox"
    cp "$(program lab-guest)" "$root/bin/lab-guest"
    install -m 755 "$LAB_HOME/guest/init" "$root/init"
    ln -s busybox "$root/bin/sh"
    # "insmod PATH" in the order to load; a driver that is built in has no such line
    while read -r path; do
        module=$(basename "${path%%.ko*}")
        if [[ ! -f $root/lib/modules/$module.ko ]]; then
            module_copy "$path" "$root/lib/modules/$module.ko"
            echo "$module" >>"$root/lib/modules/order"
        fi
    done < <(for module in "${IMAGE_MODULES[@]}"; do
        modprobe -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done)
}

module_copy() {
    case $1 in
        *.ko) cp "$1" "$2" ;;
        *.xz) xz -dc "$1" >"$2" ;;
        *.zst) zstd -qdc "$1" >"$2" ;;
        *.gz) gzip -dc "$1" >"$2" ;;
    esac
}

# Programs that --exec may want, with every library they are linked to.
image_tools() {
    local root=$1 tool path

    for tool in stress-ng sysbench; do
        path=$(command -v "$tool") || die "$tool is missing: --exec offers it to the guest, so install it"
        copy_with_libraries "$path" "$root"
    done
}

# copy_with_libraries FILE ROOT [GUEST_PATH]
copy_with_libraries() {
    local library

    install -D -m 755 "$1" "$2${3:-$1}"
    while read -r library; do
        [[ -e $2$library ]] || install -D "$library" "$2$library"
    done < <(ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true)
}

# The tools are made when first asked for.
image_tools_make() {
    local tmp

    mkdir -p "$IMAGE_DIR"
    exec {image_lock}>"$IMAGE_DIR/lock"
    flock "$image_lock"
    if image_is_stale tools "$(command -v stress-ng)" "$(command -v sysbench)" "$LAB_HOME/lib/lab-image.sh"; then
        tmp=$(mktemp -d "$IMAGE_DIR/new.XXXXXX")
        image_tools "$tmp/root"
        archive "$tmp/root" "$tmp/tools.cpio"
        mv "$tmp/tools.cpio" "$IMAGE_DIR/"
        rm -rf "$tmp"
    fi
    exec {image_lock}>&-
}

# Is KVM good for running guests here?  Asked by running one: a machine may have /dev/kvm and yet
# not run a guest.  The answer is kept in the build directory for as long as the machine is up.
domain_type() {
    local known=$IMAGE_DIR/domain-type boot found_boot='' found=''

    boot=$(</proc/sys/kernel/random/boot_id)
    [[ ! -f $known ]] || read -r found_boot found <"$known"
    if [[ $found_boot != "$boot" || -z $found ]]; then
        found=qemu
        mkdir -p "$IMAGE_DIR"
        if [[ -e /dev/kvm ]] && kvm_runs_a_guest; then
            found=kvm
        fi
        echo "$boot $found" >"$known"
    fi
    echo "$found"
}

# The guest's kernel must say something on its console within a few seconds.
kvm_runs_a_guest() {
    local output=$IMAGE_DIR/kvm-probe.$$ works=1

    timeout -k 1 5 qemu-system-x86_64 -accel kvm -nodefaults -display none -no-reboot -m 256 \
        -kernel "$(image_kernel)" -append 'console=ttyS0 panic=-1' -serial "file:$output" \
        >/dev/null 2>&1 </dev/null || true
    if grep -q 'Linux version' "$output" 2>/dev/null; then
        works=0
    fi
    rm -f "$output"
    return $works
}
